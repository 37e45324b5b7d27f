"""The chat page: a FastAPI application around Gradio, and the files that a browser gets."""

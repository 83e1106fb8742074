"""A model explored in the browser: a local server, one page, and a map of the words.

The page is served by Starlette and uvicorn (extra `explore`), which are imported only when a server is made.
"""

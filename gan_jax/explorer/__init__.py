"""A page in the browser to play with a trained generator. It needs the extra `explore`."""

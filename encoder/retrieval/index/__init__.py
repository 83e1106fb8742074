"""An index of sentences: built in bounded memory, searched exactly or with graphs."""

"""Run the `w2v` command from this folder: `python cli.py train corpus.txt`."""

from w2v.commands.entry import main

if __name__ == "__main__":
    main()

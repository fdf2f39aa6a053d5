"""`python -m electricsql` is the command `electric`."""

from electricsql.cli.main import main

if __name__ == "__main__":
    main()

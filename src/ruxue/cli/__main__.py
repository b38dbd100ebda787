from ruxue.cli import main

main()

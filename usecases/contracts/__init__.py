"""A dataset's promises, each compiled twice: to SQL for all rows, to pandera for a frame.

contract.py lists the promises; statements.py and frames.py compile them; patterns.py and
expression*.py are the two small languages in which a person may write some. Pure: nothing here
asks AWS, and pandas is imported only where a frame is at hand.
"""

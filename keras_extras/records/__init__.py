"""Types that are handed from one part of the package to the next.

They hold plain values and NumPy arrays and import nothing else of the package.
"""

"""The Run page's cards and charts."""

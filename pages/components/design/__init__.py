"""The Design page's cards, dialogs and charts."""

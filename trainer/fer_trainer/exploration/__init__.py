"""A look at labelled faces before a network is trained on them."""

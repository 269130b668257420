"""The frozen-part cache: what frozen layers give is computed once, to the same bits."""

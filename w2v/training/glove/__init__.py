"""GloVe: co-occurrences counted from an encoded text, and what training takes of them."""

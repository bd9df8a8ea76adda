"""A small shop: prices, a basket, orders, search and a queue of deliveries."""

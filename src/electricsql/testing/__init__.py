"""What tests are made of: a checker of histories, a simulated world, contracts for stores. Apps may
test themselves with it; nothing in the product imports it."""

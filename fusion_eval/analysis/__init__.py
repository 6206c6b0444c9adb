"""What only a pool can tell: curves over N, rescue and harm, ceilings. Pure: scored pools in, tables out."""

"""Shell completion: the candidates a shell offers."""

"""What a member takes along of her own archive: as data, on paper; and the list of who took it when."""

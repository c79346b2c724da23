print("rtool")

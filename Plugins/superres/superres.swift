import RTool

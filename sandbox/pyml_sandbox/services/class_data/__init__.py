"""Class data sharing: Java starts sooner from an archive of the classes that an earlier start loaded."""

/* file_fault.h - where those who call the file system ask whether this call is to fail: fileio, and
 * the catalogue's VFS. */
#ifndef WEFT_BASE_FILE_FAULT_H
#define WEFT_BASE_FILE_FAULT_H

#include "base/fileio.h"

/* Counts one arrival at `place`; the errno that WEFT_FAULT wants here, or 0. May kill the process.
 * Any thread. */
int file_fault_at(const char *place);

#endif

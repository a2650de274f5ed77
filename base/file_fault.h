/* file_fault.h - private to base: where fileio asks whether this call is to fail. */
#ifndef WEFT_BASE_FILE_FAULT_H
#define WEFT_BASE_FILE_FAULT_H

#include "base/fileio.h"

/* Counts one arrival at `place`; the errno that WEFT_FAULT wants here, or 0. May kill the process.
 * Any thread. */
int file_fault_at(const char *place);

#endif

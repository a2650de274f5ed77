/* descriptors.h - file descriptors: connections may take many, and leave those of the store alone.
 */
#ifndef WEFT_APP_DESCRIPTORS_H
#define WEFT_APP_DESCRIPTORS_H

#include "base/compiler.h"

/* Raises the process' soft limit of descriptors, if need be, so that it has room for as many
 * connections beside the store's files. Returns how many may be open: fewer, and the log says so,
 * where the hard limit is too low. */
uint32_t descriptors_for(uint32_t connections);

#endif

/* catalogue_vfs.h - SQLite's file calls, made to pass the same faults as everybody's
 * (base/file_fault.h): crash tests can fail or kill at each write and sync of the catalogue too.
 * Private to storage/catalogue.c. */
#ifndef WEFT_STORAGE_CATALOGUE_VFS_H
#define WEFT_STORAGE_CATALOGUE_VFS_H

/* Registers the VFS with SQLite (once a process) and gives its name for sqlite3_open_v2(), or NULL.
 * Any thread. */
const char *catalogue_vfs_name(void);

#endif

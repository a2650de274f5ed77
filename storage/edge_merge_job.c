/* edge_merge_job.c - writes the sum of some parts to a file, a few blocks at a time, and exchanges
 * it for them. */
#include "storage/edge_merge_job.h"

#include "base/clock.h"
#include "base/fileio.h"
#include "storage/edge_merge_source.h"
#include <fcntl.h>

struct merge_job {
    struct store *store;
    uint64_t *ids; /* owned; of the parts */
    struct merge_source source;
    struct part_writer *writer;
    struct buf out;         /* written, not yet in the file */
    uint64_t file, written; /* number; bytes in it */
    int fd;
    bool exchanged;
    char path[4096];
};

static enum status job_prepare(struct merge_job *job, const struct stored_part *parts, size_t count,
                               const struct merge_cut *cut, struct err *e)
{
    struct edge_part **list = mem_realloc_array(NULL, count + 1, sizeof(struct edge_part *));
    job->ids = mem_realloc_array(NULL, count + 1, sizeof(*job->ids));
    enum status status = ST_NO_MEMORY;
    for (size_t i = 0; list && job->ids && i < count; i++) {
        list[i] = parts[i].part;
        job->ids[i] = parts[i].id;
    }
    if (list && job->ids)
        status = merge_source_init(&job->source, list, count, cut, e);
    mem_free(list);
    if (status == ST_OK)
        job->writer = part_writer_new(&job->source.source, &job->out);
    if (!job->writer)
        return err_set(e, ST_NO_MEMORY, "no memory to merge %zu parts", count);
    job->file = store_parts_new_file(job->store, job->path, sizeof(job->path));
    return file_open(job->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, &job->fd, e);
}

enum status merge_job_new(struct store *s, const struct stored_part *parts, size_t count,
                          const struct merge_cut *cut, struct merge_job **out, struct err *e)
{
    struct merge_job *job = mem_calloc(1, sizeof(*job));
    if (!job)
        return err_set(e, ST_NO_MEMORY, "no memory to merge %zu parts", count);
    job->store = s;
    job->fd = -1;
    enum status status = job_prepare(job, parts, count, cut, e);
    if (status != ST_OK) {
        merge_job_free(job);
        return status;
    }
    *out = job;
    return ST_OK;
}

void merge_job_set_aside(const struct merge_job *job, struct set_aside *aside)
{
    if (job->source.unreadable < job->source.input_count)
        set_aside_add(aside, job->ids[job->source.unreadable], clock_mono_ns());
}

void merge_job_free(struct merge_job *job)
{
    if (!job)
        return;
    if (job->fd >= 0)
        file_close(job->fd);
    if (job->fd >= 0 && !job->exchanged)
        file_remove(job->path, NULL);
    part_writer_free(job->writer);
    merge_source_deinit(&job->source);
    buf_deinit(&job->out);
    mem_free(job->ids);
    mem_free(job);
}

static enum status write_out(struct merge_job *job, struct err *e)
{
    TRY(file_write_behind(job->fd, buf_str(&job->out), job->written, e));
    job->written += job->out.len;
    buf_reset(&job->out);
    return ST_OK;
}

/* The file, or nothing when all was cut off, takes the parts' place. */
static enum status replace_parts(struct merge_job *job, struct err *e)
{
    struct buf nothing = {0};
    if (part_writer_cells(job->writer) > 0)
        return store_parts_replace_by_file(job->store, job->ids, job->source.input_count, job->file,
                                           e);
    TRY(file_remove(job->path, e));
    return store_parts_replace(job->store, job->ids, job->source.input_count, &nothing, e);
}

/* The sum is whole: into the file with the rest, and the file into the parts' place. */
static enum status exchange(struct merge_job *job, struct err *e)
{
    TRY(part_writer_finish(job->writer, e));
    TRY(write_out(job, e));
    TRY(file_sync_data(job->fd, e));
    job->exchanged = true; /* from here on the store removes the file when it fails */
    TRY(replace_parts(job, e));
    if (job->source.lost > 0)
        store_note_lost(job->store, job->source.lost);
    return ST_OK;
}

enum status merge_job_step(struct merge_job *job, unsigned blocks, bool *done, struct err *e)
{
    TRY(part_writer_step(job->writer, blocks, done, e));
    return *done ? exchange(job, e) : write_out(job, e);
}

enum status merge_parts(struct edge_part *const *parts, size_t count, const struct merge_cut *cut,
                        struct buf *out, uint64_t *lost, struct err *e)
{
    struct merge_source source;
    struct part_writer *w = NULL;
    bool done = false;
    buf_reset(out);
    enum status status = merge_source_init(&source, parts, count, cut, e);
    if (status == ST_OK && !(w = part_writer_new(&source.source, out)))
        status = err_set(e, ST_NO_MEMORY, "no memory to merge %zu parts", count);
    while (status == ST_OK && !done)
        status = part_writer_step(w, 1024, &done, e);
    if (status == ST_OK)
        status = part_writer_finish(w, e);
    *lost = source.lost;
    part_writer_free(w);
    merge_source_deinit(&source);
    return status;
}

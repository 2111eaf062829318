#include "csv.h"

#include "bytes.h"
#include "csv_replace.h"
#include "csv_text.h"
#include "file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct csv_writer {
    FILE *out;
    int error; /* errno of the first write that failed; 0: none */
    size_t column_count;
    size_t cell;    /* of the present row */
    bool in_header; /* its line is not ended yet: a mark may follow */
    bool play;
    char path[PATH_MAX]; /* "": `out` is the caller's */
    char temporary[PATH_MAX];
    bool is_named; /* `out` stands under its temporary name */
};

#define RANDOM_CHARS 6 /* at the end of a temporary name */

static enum skp_err io_error(struct csv_problem *ret_problem, int error)
{
    *ret_problem = (struct csv_problem){.err = SKP_E_IO, .os_error = error};
    return SKP_E_IO;
}

static char *random_of(struct csv_writer *writer)
{
    return writer->temporary + strlen(writer->temporary) - RANDOM_CHARS;
}

static int give_name(struct csv_writer *writer, int fd)
{
    char unnamed[64], id[ID_TEXT_BYTES];
    (void)snprintf(unnamed, sizeof unnamed, "/proc/self/fd/%d", fd);
    do {
        struct skp_id fresh = id_new();
        id_print(&fresh, id);
        memcpy(random_of(writer), id + strlen(id) - RANDOM_CHARS, RANDOM_CHARS);
        writer->is_named =
            linkat(AT_FDCWD, unnamed, AT_FDCWD, writer->temporary, AT_SYMLINK_FOLLOW) == 0;
    } while (!writer->is_named && errno == EEXIST);
    return writer->is_named ? 0 : -1;
}

static void drop_temporary(const struct csv_writer *writer)
{
    if (writer->is_named)
        unlink(writer->temporary);
}

static int make_unnamed(const char *path)
{
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", path);
    return open(dirname(folder), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
}

/* Without a name, so that a run that is killed leaves nothing about residents. Whether it can get one is tried with
 * another, which is empty: once all is written, and sent, it is too late. -1: not here. */
static int open_unnamed(struct csv_writer *writer)
{
    int fd = make_unnamed(writer->path);
    if (fd < 0)
        return -1;
    int named = give_name(writer, fd);
    close(fd);
    drop_temporary(writer);
    writer->is_named = false;
    return named == 0 ? make_unnamed(writer->path) : -1;
}

/* Mode 0600, whatever the umask. */
static FILE *open_temporary(struct csv_writer *writer, const char *path)
{
    int path_len = snprintf(writer->path, sizeof(writer->path), "%s", path);
    int len = snprintf(writer->temporary, sizeof(writer->temporary), "%s.XXXXXX", path);
    if (path_len <= 0 || len <= 0 || (size_t)len >= sizeof(writer->temporary)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    int fd = open_unnamed(writer);
    if (fd < 0) {
        memset(random_of(writer), 'X', RANDOM_CHARS);
        fd = mkostemp(writer->temporary, O_CLOEXEC);
        writer->is_named = fd >= 0;
    }
    if (fd < 0)
        return NULL;
    FILE *out = fdopen(fd, "w");
    if (!out) {
        close(fd);
        drop_temporary(writer);
    }
    return out;
}

static void put(struct csv_writer *writer, const char *text)
{
    if (fputs(text, writer->out) == EOF && writer->error == 0)
        writer->error = errno;
}

static void begin_file(struct csv_writer *writer, const struct csv_column *columns, size_t count)
{
    assert(count > 0 && count <= CSV_MAX_COLUMNS);
    writer->column_count = count;
    put(writer, "\xef\xbb\xbf");
    for (size_t i = 0; i < count; i++)
        csv_writer_plain(writer, columns[i].name);
    writer->in_header = true;
}

enum skp_err csv_writer_open(const char *path, const struct csv_column *columns, size_t count,
                             struct csv_writer **ret_writer, struct csv_problem *ret_problem)
{
    enum csv_why why = csv_replace_check(path, columns, count);
    if (why != CSV_WHY_NONE) {
        *ret_problem = (struct csv_problem){.err = SKP_E_USAGE, .why = why};
        return SKP_E_USAGE;
    }
    struct csv_writer *writer = calloc(1, sizeof(*writer));
    if (!writer) {
        *ret_problem = (struct csv_problem){.err = SKP_E_NO_MEMORY};
        return SKP_E_NO_MEMORY;
    }
    writer->out = open_temporary(writer, path);
    if (!writer->out) {
        int error = errno;
        free(writer);
        return io_error(ret_problem, error);
    }
    begin_file(writer, columns, count);
    *ret_writer = writer;
    return SKP_OK;
}

enum skp_err csv_writer_stream(FILE *out, const struct csv_column *columns, size_t count,
                               struct csv_writer **ret_writer)
{
    struct csv_writer *writer = calloc(1, sizeof(*writer));
    if (!writer)
        return SKP_E_NO_MEMORY;
    writer->out = out;
    begin_file(writer, columns, count);
    *ret_writer = writer;
    return SKP_OK;
}

void csv_writer_mark_play(struct csv_writer *writer)
{
    assert(writer->in_header);
    put(writer, ";" CSV_PLAY_COLUMN);
    writer->play = true;
}

/* The header's line ends where the first row begins, or the file ends. */
static void end_header(struct csv_writer *writer)
{
    if (!writer->in_header)
        return;
    writer->in_header = false;
    writer->cell = 0;
    put(writer, "\r\n");
}

static void begin_cell(struct csv_writer *writer)
{
    end_header(writer);
    assert(writer->cell < writer->column_count);
    if (writer->cell++ > 0)
        put(writer, ";");
}

static bool needs_quotes(const char *text)
{
    size_t len = strlen(text);
    return text[strcspn(text, ";\"\r\n")] != '\0' ||
           (len > 0 && (text[0] == ' ' || text[len - 1] == ' '));
}

static void put_cell(struct csv_writer *writer, const char *prefix, const char *text)
{
    begin_cell(writer);
    bool quoted = needs_quotes(text);
    put(writer, quoted ? "\"" : "");
    put(writer, prefix);
    if (!quoted) {
        put(writer, text);
        return;
    }
    for (; *text; text++)
        put(writer, *text == '"' ? "\"\"" : (const char[]){*text, '\0'});
    put(writer, "\"");
}

void csv_writer_text(struct csv_writer *writer, const char *text)
{
    put_cell(writer, csv_text_needs_apostrophe(text) ? "'" : "", text);
}

void csv_writer_plain(struct csv_writer *writer, const char *text)
{
    put_cell(writer, "", text);
}

void csv_writer_number(struct csv_writer *writer, size_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%zu", number);
    csv_writer_plain(writer, text);
}

void csv_writer_end_row(struct csv_writer *writer)
{
    assert(writer->cell == writer->column_count);
    writer->cell = 0;
    put(writer, writer->play ? ";Ja\r\n" : "\r\n");
}

/* A link is refused where a file stands; where there are no links, nothing stood there a moment ago. */
static bool link_new(const struct csv_writer *writer)
{
    if (link(writer->temporary, writer->path) == 0)
        return unlink(writer->temporary) == 0;
    return errno != EEXIST && rename(writer->temporary, writer->path) == 0;
}

/* Under its name for good. */
static int put_in_place(const struct csv_writer *writer, bool is_new)
{
    if (is_new ? !link_new(writer) : rename(writer->temporary, writer->path) != 0)
        return errno;
    return file_sync_folder(writer->path) == 0 ? 0 : errno;
}

/* 0, or why not all of it is there. */
static int flush(struct csv_writer *writer)
{
    if (writer->error == 0 && fflush(writer->out) != 0)
        writer->error = errno;
    return writer->error;
}

static int write_through(struct csv_writer *writer)
{
    if (flush(writer) == 0 && fsync(fileno(writer->out)) != 0)
        writer->error = errno;
    return writer->error;
}

enum skp_err csv_writer_sync(struct csv_writer *writer, struct csv_problem *ret_problem)
{
    int error = write_through(writer);
    return error == 0 ? SKP_OK : io_error(ret_problem, error);
}

/* Gets its name when all of it is on the disk. Closing is part of the check: network file systems report a full disk
 * there. */
static int finish(struct csv_writer *writer, bool is_new)
{
    int error = write_through(writer);
    if (error == 0 && !writer->is_named && give_name(writer, fileno(writer->out)) != 0)
        error = errno;
    if (fclose(writer->out) != 0 && error == 0)
        error = errno;
    writer->out = NULL;
    return error != 0 ? error : put_in_place(writer, is_new);
}

static enum skp_err close_writer(struct csv_writer *writer, bool is_new,
                                 struct csv_problem *ret_problem)
{
    end_header(writer);
    assert(writer->cell == 0);
    bool is_stream = writer->path[0] == '\0';
    int error = is_stream ? flush(writer) : finish(writer, is_new);
    if (error != 0)
        drop_temporary(writer);
    free(writer);
    return error != 0 ? io_error(ret_problem, error) : SKP_OK;
}

enum skp_err csv_writer_close(struct csv_writer *writer, struct csv_problem *ret_problem)
{
    return close_writer(writer, false, ret_problem);
}

enum skp_err csv_writer_close_new(struct csv_writer *writer, struct csv_problem *ret_problem)
{
    assert(writer->path[0] != '\0');
    return close_writer(writer, true, ret_problem);
}

void csv_writer_abandon(struct csv_writer *writer)
{
    if (!writer)
        return;
    assert(writer->path[0] != '\0');
    fclose(writer->out);
    drop_temporary(writer);
    free(writer);
}

#include "csv_replace.h"

#include <string.h>
#include <sys/stat.h>

/* Goes past `word` where the stream has exactly that. */
static bool takes(FILE *in, const char *word)
{
    for (; *word; word++)
        if (getc(in) != (unsigned char)*word)
            return false;
    return true;
}

/* A file of another play or of none has the same columns but the last. */
static bool ends_header(FILE *in)
{
    int c = getc(in);
    if (c == ';')
        return takes(in, CSV_PLAY_COLUMN) && ends_header(in);
    return c == '\r' || c == '\n' || c == EOF;
}

/* With or without byte order mark: spreadsheets take it off. */
static bool has_header(FILE *in, const struct csv_column *columns, size_t count)
{
    if (!takes(in, "\xef\xbb\xbf"))
        rewind(in);
    for (size_t i = 0; i < count; i++)
        if (!takes(in, i > 0 ? ";" : "") || !takes(in, columns[i].name))
            return false;
    return ends_header(in);
}

enum csv_why csv_replace_check(const char *path, const struct csv_column *columns, size_t count)
{
    struct stat found;
    if (stat(path, &found) != 0)
        return CSV_WHY_NONE; /* what else is wrong with the path, opening says */
    if (!S_ISREG(found.st_mode))
        return CSV_WHY_NO_PLAIN_FILE;
    if (found.st_size == 0)
        return CSV_WHY_NONE;
    FILE *in = fopen(path, "re");
    if (!in)
        return CSV_WHY_NOT_OURS;
    bool ours = has_header(in, columns, count);
    fclose(in);
    return ours ? CSV_WHY_NONE : CSV_WHY_NOT_OURS;
}

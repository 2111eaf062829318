/* Gives every file of a corpus folder to a fuzz target, one after the other: how the commit tier replays what the fuzzer
 * found, without the fuzzer. Usage: fuzz_x FOLDER; ends with a plain count line. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int give(const char *path)
{
    uint8_t *bytes = malloc(INPUT_MAX);
    FILE *file = fopen(path, "rb");
    if (!bytes || !file) {
        perror(path);
        free(bytes);
        if (file)
            fclose(file);
        return -1;
    }
    size_t len = fread(bytes, 1, INPUT_MAX, file);
    fclose(file);
    /* An exact copy, so that a read past the end is seen by the sanitizer. */
    uint8_t *exact = malloc(len ? len : 1);
    if (exact) {
        memcpy(exact, bytes, len);
        LLVMFuzzerTestOneInput(exact, len);
    }
    free(exact);
    free(bytes);
    return exact ? 0 : -1;
}

int main(int argc, char **argv)
{
    unsigned given = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER with inputs\n", argv[0]);
        return 64;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        if (give(path))
            return 1;
        given++;
    }
    closedir(folder);
    printf("%u passed, 0 failed\n", given);
    return given > 0 ? 0 : 1;
}

/* skp-sim: an invented world to register, and creditors that answer. Never real data. */
#include "sim_answer.h"
#include "sim_files.h"
#include "sim_paper.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* sysexits.h */
#define EXIT_USAGE 64
#define EXIT_DATA  65
#define EXIT_DISK  74

#define MAX_CASES         1000000
#define DEFAULT_DATE      20261102
#define NAMES_ARENA_BYTES ((size_t)1 << 20)

static const char usage[] =
    "skp-sim world --cases N --seed S --out DIR [--date YYYY-MM-DD] [--municipalities FILE]\n"
    "    Draws N invented cases and writes participants.csv, agreements.csv and, per counsellor,\n"
    "    counsellor-<OIN>/aanmelding.csv and bsn.csv into DIR.\n"
    "skp-sim answers --seed S --creditor OIN [--after DATE] [--until DATE] LIST.csv... OUT.csv\n"
    "    Answers collected saldolijsten and writes them with the answers filled in; with days "
    "only\n"
    "    what comes on them: behind the one, until the other. No OUT.csv when nothing comes.\n"
    "skp-sim letters --seed S --counsellor OIN --sent DATE [--after DATE] --until DATE\n"
    "        BRIEVEN.csv AANMELDING.csv OUT.csv\n"
    "    Letters that come back on these days, for `skp counsellor record-answer`.\n"
    "\n"
    "  --cases N              1 to 1000000\n"
    "  --seed S               a whole number; the same seed gives the same files\n"
    "  --out DIR              made when it is not there\n"
    "  --date YYYY-MM-DD      reference date of the cases (2026-11-02)\n"
    "  --municipalities FILE  cbs_code,name,inhabitants (municipalities.csv of the tree or the "
    "package)\n"
    "  --creditor OIN         who answers: 20 characters\n"
    "  --counsellor OIN       who wrote the letters\n"
    "  --json                 print one JSON object about what was done\n"
    "  --version, --help\n"
    "\n"
    "Exit codes: 0 ok, 64 usage, 65 a file that cannot be used, 74 disk. Manual page: skp-sim(1).\n"
    "Files are described in clients/CSV.md.\n";

struct options {
    bool help, version, json;
    json_t *result; /* the object that --json prints */
    const char *cases, *seed, *out, *date, *municipalities, *creditor, *counsellor;
    const char *sent, *after, *until;
    int rest; /* index of the first argument that is no option */
};

static int refuse(const char *what)
{
    fprintf(stderr, "skp-sim: %s; see skp-sim --help\n", what);
    return EXIT_USAGE;
}

static int report(const char *path, const struct csv_problem *problem)
{
    char text[CSV_PROBLEM_TEXT_BYTES];
    csv_problem_print(problem, text);
    fprintf(stderr, "skp-sim: %s: %s\n", path, text);
    bool disk = problem->err == SKP_E_IO || problem->err == SKP_E_NO_MEMORY;
    return disk ? EXIT_DISK : EXIT_DATA;
}

/* A path that is not UTF-8 has no JSON; the member is left out then. */
static void put(const struct options *options, const char *name, json_t *value)
{
    if (value != NULL && json_object_set_new(options->result, name, value) != 0)
        abort(); /* out of memory for a word */
}

static bool read_number(const char *text, uint64_t max, uint64_t *ret_number)
{
    char *end = NULL;
    errno = 0;
    if (!text || text[0] < '0' || text[0] > '9')
        return false;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || number > max)
        return false;
    *ret_number = number;
    return true;
}

/* Where the value of an option is kept; NULL: it takes none. */
static const char **value_of(struct options *options, int letter)
{
    switch (letter) {
    case 'n':
        return &options->cases;
    case 's':
        return &options->seed;
    case 'o':
        return &options->out;
    case 'd':
        return &options->date;
    case 'm':
        return &options->municipalities;
    case 'c':
        return &options->creditor;
    case 'w':
        return &options->counsellor;
    case 't':
        return &options->sent;
    case 'a':
        return &options->after;
    case 'u':
        return &options->until;
    default:
        return NULL;
    }
}

/* False: there is no such option. */
static bool set_flag(struct options *options, int letter)
{
    bool *flag = letter == 'j'   ? &options->json
                 : letter == 'v' ? &options->version
                 : letter == 'h' ? &options->help
                                 : NULL;
    if (flag != NULL)
        *flag = true;
    return flag != NULL;
}

/* False: told. */
static bool read_options(int argc, char **argv, struct options *ret_options)
{
    static const struct option known[] = {{"cases", required_argument, NULL, 'n'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"date", required_argument, NULL, 'd'},
                                          {"municipalities", required_argument, NULL, 'm'},
                                          {"creditor", required_argument, NULL, 'c'},
                                          {"counsellor", required_argument, NULL, 'w'},
                                          {"sent", required_argument, NULL, 't'},
                                          {"after", required_argument, NULL, 'a'},
                                          {"until", required_argument, NULL, 'u'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {0};
    for (int letter = 0; (letter = getopt_long(argc, argv, ":", known, NULL)) != -1;) {
        const char **value = value_of(&options, letter);
        if (value != NULL) {
            *value = optarg;
        } else if (!set_flag(&options, letter)) {
            fprintf(stderr, "skp-sim: there is no %s %s; see skp-sim --help\n",
                    letter == ':' ? "value behind" : "option", argv[optind - 1]);
            return false;
        }
    }
    options.rest = optind;
    *ret_options = options;
    return true;
}

/* The list of the package or of the source tree around the program; "" when neither is there. */
static void find_municipalities(char *ret_path, size_t size)
{
    static const char *const places[] = {
        "../share/schuldenknooppunt/municipalities.csv", "tests/data/municipalities.csv",
        "../tests/data/municipalities.csv", "../../tests/data/municipalities.csv"};
    char program[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int written = snprintf(ret_path, size, "%s/%s", program, places[i]);
        if (written > 0 && (size_t)written < size && access(ret_path, R_OK) == 0)
            return;
    }
    ret_path[0] = '\0';
}

static int make_world(const struct options *options, uint64_t seed, uint32_t cases, plain_date date)
{
    static struct sim_municipality list[SIM_MAX_MUNICIPALITIES];
    static struct sim_world world;
    char found[PATH_MAX], path[SIM_PATH_BYTES] = "";
    size_t count = 0;
    struct csv_problem problem = {0};
    struct arena names;
    const char *source = options->municipalities;
    if (!source) {
        find_municipalities(found, sizeof(found));
        source = found;
    }
    if (source[0] == '\0')
        return refuse("municipalities.csv is not beside the program: give --municipalities");
    arena_init(&names, NAMES_ARENA_BYTES);
    int status = 0;
    if (sim_municipalities_read(source, &names, list, &count, &problem))
        status = report(source, &problem);
    else if ((problem.err = sim_world_draw(seed, cases, date, list, count, &world)) ||
             sim_files_write(&world, options->out, path, &problem))
        status = report(path, &problem);
    put(options, "cases", json_integer(world.case_count));
    put(options, "counsellors", json_integer((json_int_t)world.counsellor_count));
    put(options, "connected_creditors", json_integer((json_int_t)world.connected_count));
    put(options, "folder", json_string(options->out));
    sim_world_fini(&world);
    arena_fini(&names);
    return status;
}

static int run_world(const struct options *options, int argc)
{
    uint64_t seed = 0, cases = 0;
    plain_date date = DEFAULT_DATE;
    if (!read_number(options->cases, MAX_CASES, &cases) || cases == 0)
        return refuse("--cases is a number from 1 to 1000000");
    if (!read_number(options->seed, UINT64_MAX, &seed))
        return refuse("--seed is a whole number");
    if (!options->out || options->out[0] == '\0')
        return refuse("--out names the folder to write");
    if (options->date && csv_value_read_date(options->date, &date))
        return refuse("--date is a date, such as 2026-11-02");
    if (date < 19300101 || date > 21500101)
        return refuse("--date lies between 1930 and 2150");
    if (options->creditor || options->rest < argc)
        return refuse("more arguments than `world` takes");
    return make_world(options, seed, (uint32_t)cases, date);
}

/* A day that may be left out: 0 then. */
static bool read_day(const char *text, plain_date *ret_date)
{
    return !text || !csv_value_read_date(text, ret_date);
}

static int run_answers(const struct options *options, int argc, char **argv)
{
    struct sim_answering answering = {0};
    struct sim_answered answered = {0};
    struct csv_problem problem = {0};
    int lists = argc - options->rest - 1;
    if (!read_number(options->seed, UINT64_MAX, &answering.seed))
        return refuse("--seed is a whole number");
    if (!options->creditor || !oin_take(span_text(options->creditor), &answering.creditor))
        return refuse("--creditor is an OIN of 20 characters");
    if (!read_day(options->after, &answering.after) || !read_day(options->until, &answering.until))
        return refuse("--after and --until are dates, such as 2026-11-02");
    if (answering.after != 0 && answering.until == 0)
        return refuse("--after needs --until");
    if (lists < 1)
        return refuse("`answers` takes LIST.csv and OUT.csv");
    const char *out = argv[argc - 1];
    enum skp_err err =
        sim_answer_files(&answering, argv + options->rest, (size_t)lists, out, &answered, &problem);
    put(options, "rows", json_integer((json_int_t)answered.rows));
    put(options, "rows_later", json_integer((json_int_t)answered.later));
    put(options, "rows_left_out", json_integer((json_int_t)answered.refused));
    put(options, "file", json_string(out));
    if (!err)
        return 0;
    if (answered.refused > 0)
        fprintf(stderr, "skp-sim: %zu rows left out, the first:\n", answered.refused);
    return report(answered.path ? answered.path : out, &problem);
}

static int run_letters(const struct options *options, int argc, char **argv)
{
    struct sim_letters letters = {0};
    size_t rows = 0;
    const char *path = "";
    struct csv_problem problem = {0};
    char **files = argv + options->rest;
    if (!read_number(options->seed, UINT64_MAX, &letters.seed))
        return refuse("--seed is a whole number");
    if (!options->counsellor || !oin_take(span_text(options->counsellor), &letters.counsellor))
        return refuse("--counsellor is an OIN of 20 characters");
    if (!options->sent || !options->until || !read_day(options->sent, &letters.sent) ||
        !read_day(options->after, &letters.after) || !read_day(options->until, &letters.until))
        return refuse("--sent, --after and --until are dates, such as 2026-11-02");
    if (argc - options->rest != 3)
        return refuse("`letters` takes BRIEVEN.csv, AANMELDING.csv and OUT.csv");
    enum skp_err err =
        sim_letters_file(&letters, files[0], files[1], files[2], &rows, &path, &problem);
    put(options, "rows", json_integer((json_int_t)rows));
    put(options, "file", json_string(files[2]));
    return err ? report(path, &problem) : 0;
}

static int run(struct options *options, int argc, char **argv)
{
    const char *command = options->rest < argc ? argv[options->rest++] : "";
    if (strcmp(command, "world") == 0)
        return run_world(options, argc);
    if (strcmp(command, "answers") == 0)
        return run_answers(options, argc, argv);
    if (strcmp(command, "letters") == 0)
        return run_letters(options, argc, argv);
    fprintf(stderr, "skp-sim: %s%ssay `world`, `answers` or `letters`; see skp-sim --help\n",
            command, command[0] != '\0' ? " is no command: " : "");
    return EXIT_USAGE;
}

static int do_as_told(struct options *options, int argc, char **argv)
{
    if (options->help || options->version) {
        fputs(options->help ? usage : "skp-sim " SKP_VERSION "\n", stdout);
        return 0;
    }
    options->result = json_object();
    int code = run(options, argc, argv);
    put(options, "exit", json_integer(code));
    if (options->json && json_dumpf(options->result, stdout, JSON_INDENT(2)) == 0)
        putchar('\n');
    json_decref(options->result);
    return code;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!read_options(argc, argv, &options))
        return EXIT_USAGE;
    int code = do_as_told(&options, argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fputs("skp-sim: standard output took not all of the answer\n", stderr);
    return code == 0 ? EXIT_DISK : code;
}

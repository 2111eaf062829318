/* skp-sim: an invented world to register, and creditors that answer. Never real data. */
#include "sim_answer.h"
#include "sim_files.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* sysexits.h */
#define EXIT_USAGE 64
#define EXIT_DATA  65
#define EXIT_FILES 74

#define MAX_CASES         1000000
#define DEFAULT_DATE      20261102
#define NAMES_ARENA_BYTES ((size_t)1 << 20)

static const char usage[] =
    "skp-sim world --cases N --seed S --out DIR [--date YYYY-MM-DD] [--municipalities FILE]\n"
    "    Draws N invented cases and writes participants.csv, agreements.csv and, per counsellor,\n"
    "    counsellor-<OIN>/aanmelding.csv and bsn.csv into DIR.\n"
    "skp-sim answers --seed S --creditor OIN LIST.csv OUT.csv\n"
    "    Answers a collected saldolijst and writes it with the answers filled in.\n"
    "\n"
    "  --cases N              1 to 1000000\n"
    "  --seed S               a whole number; the same seed gives the same files\n"
    "  --out DIR              made when it is not there\n"
    "  --date YYYY-MM-DD      reference date of the cases (2026-11-02)\n"
    "  --municipalities FILE  cbs_code,name,inhabitants (municipalities.csv of the tree or the "
    "package)\n"
    "  --creditor OIN         who answers: 20 characters\n"
    "  --help                 this text\n"
    "\n"
    "Exit: 0 done, 64 usage, 65 data that cannot be read, 74 a file that cannot be read or "
    "written.\n"
    "Files are described in clients/CSV.md.\n";

struct options {
    bool help;
    const char *cases, *seed, *out, *date, *municipalities, *creditor;
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
    bool files = problem->err == SKP_E_IO || problem->err == SKP_E_NOT_FOUND ||
                 problem->err == SKP_E_NO_MEMORY;
    return files ? EXIT_FILES : EXIT_DATA;
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

static bool read_options(int argc, char **argv, struct options *ret_options)
{
    static const struct option known[] = {{"cases", required_argument, NULL, 'n'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"date", required_argument, NULL, 'd'},
                                          {"municipalities", required_argument, NULL, 'm'},
                                          {"creditor", required_argument, NULL, 'c'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {0};
    for (int option = 0; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        switch (option) {
        case 'n':
            options.cases = optarg;
            break;
        case 's':
            options.seed = optarg;
            break;
        case 'o':
            options.out = optarg;
            break;
        case 'd':
            options.date = optarg;
            break;
        case 'm':
            options.municipalities = optarg;
            break;
        case 'c':
            options.creditor = optarg;
            break;
        case 'h':
            options.help = true;
            break;
        default:
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

static int run_answers(const struct options *options, int argc, char **argv)
{
    uint64_t seed = 0;
    struct skp_oin creditor;
    size_t refused = 0;
    struct csv_problem problem = {0};
    if (!read_number(options->seed, UINT64_MAX, &seed))
        return refuse("--seed is a whole number");
    if (!options->creditor || !oin_take(span_text(options->creditor), &creditor))
        return refuse("--creditor is an OIN of 20 characters");
    if (argc - options->rest != 2)
        return refuse("`answers` takes LIST.csv and OUT.csv");
    enum skp_err err = sim_answer_file(seed, &creditor, argv[options->rest],
                                       argv[options->rest + 1], &refused, &problem);
    if (!err)
        return 0;
    if (refused > 0)
        fprintf(stderr, "skp-sim: %zu rows left out, the first:\n", refused);
    return report(argv[options->rest], &problem);
}

int main(int argc, char **argv)
{
    struct options options;
    if (!read_options(argc, argv, &options))
        return refuse("unknown option");
    if (options.help) {
        fputs(usage, stdout);
        return 0;
    }
    const char *command = options.rest < argc ? argv[options.rest++] : "";
    if (strcmp(command, "world") == 0)
        return run_world(&options, argc);
    if (strcmp(command, "answers") == 0)
        return run_answers(&options, argc, argv);
    return refuse("say `world` or `answers`");
}

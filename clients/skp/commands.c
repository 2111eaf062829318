#include "commands.h"

const struct command *const commands[] = {
    &command_register,
};

const size_t command_count = sizeof commands / sizeof commands[0];

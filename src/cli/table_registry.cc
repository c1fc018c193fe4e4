// Commands on registries themselves.
#include "cli/commands.h"
#include "cli/registry_options.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kLoginOnly[] = {
    kAuthfileOption,
    kCertDirOption,
    String("compat-auth-file", '\0', "FILE", "Store the credentials in this config.json of docker"),
    Flag("get-login", '\0', "Print the user that is logged in, and do nothing else"),
    String("password", 'p', "PASSWORD", "Password; others can read it in the list of processes"),
    Flag("password-stdin", '\0', "Read the password from standard input"),
    String("secret", '\0', "NAME", "Read the password from a secret").NotYet(),
    kTlsVerifyOption,
    String("username", 'u', "USER", "User name"),
    Flag("verbose", 'v', "Tell where the credentials are stored"),
};
constexpr OptionSet kLoginOptions[] = {kLoginOnly};
constexpr Example kLoginExamples[] = {
    {"login quay.io", "asks for user and password"},
    {"login -u ci --password-stdin localhost:5000 < password.txt", "in a script"},
    {"login --get-login quay.io", "who is logged in"},
};

constexpr Option kLogoutOnly[] = {
    Flag("all", 'a', "Forget the credentials of all registries"),
    kAuthfileOption,
    String("compat-auth-file", '\0', "FILE", "Forget them in this config.json of docker"),
};
constexpr OptionSet kLogoutOptions[] = {kLogoutOnly};
constexpr Example kLogoutExamples[] = {{"logout quay.io", "one registry"}, {"logout --all", "all of them"}};

constexpr Option kSearchOnly[] = {
    kAuthfileOption,
    kCertDirOption,
    Flag("compatible", '\0', "Show stars and what is official, as docker does"),
    kCredsOption,
    List("filter", 'f', "KEY=VALUE", "Show only matches: is-automated, is-official, stars"),
    String("format", '\0', "FORMAT", "json, table TEMPLATE, or a Go template"),
    Typed(OptionType::kInt, "limit", '\0', "COUNT", "Show at most so many from each registry").Default("25"),
    Flag("list-tags", '\0', "List the tags of the image TERM"),
    Flag("no-trunc", '\0', "Show whole descriptions"),
    kTlsVerifyOption,
};
constexpr OptionSet kSearchOptions[] = {kSearchOnly};
constexpr Example kSearchExamples[] = {
    {"search --limit 5 debian", "in all search registries"},
    {"search quay.io/postgres", "in one registry"},
    {"search --list-tags quay.io/podman/hello", "the tags of one image"},
};

}  // namespace

constexpr Command kLogin = {
    .name = "login",
    .usage = "[options] [REGISTRY]",
    .summary = "Log in to a registry",
    .description =
        "Asks the registry whether it takes the credentials, and then stores them in "
        "$XDG_RUNTIME_DIR/containers/auth.json, or with the credential helper that is configured. Without "
        "REGISTRY: the first search registry of registries.conf, else docker.io.",
    .examples = kLoginExamples,
    .options = kLoginOptions,
    .max_args = 1,
    .flags = kNoStore,
    .run = CmdLogin,
};

constexpr Command kLogout = {
    .name = "logout",
    .usage = "[options] [REGISTRY]",
    .summary = "Forget the credentials for a registry",
    .description = "Without REGISTRY: the first search registry of registries.conf, else docker.io.",
    .examples = kLogoutExamples,
    .options = kLogoutOptions,
    .max_args = 1,
    .flags = kNoStore,
    .run = CmdLogout,
};

constexpr Command kSearch = {
    .name = "search",
    .usage = "[options] TERM",
    .summary = "Search registries for images",
    .description =
        "TERM may begin with a registry, 'quay.io/postgres'; else all search registries of registries.conf "
        "are "
        "asked, or docker.io. A registry that has no search is asked for its list of images.",
    .examples = kSearchExamples,
    .options = kSearchOptions,
    .min_args = 1,
    .max_args = 1,
    .flags = kNoStore,
    .run = CmdSearch,
};

}  // namespace coracle::cli

#include "registry/credentials.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/reference.h"
#include "os/file.h"
#include "os/unique_fd.h"
#include "registry/credential_helper.h"

namespace coracle::registry {
namespace {

// Docker's name for its own registry towards helpers.
constexpr char kDockerHubServer[] = "https://index.docker.io/v1/";

// Under which names a helper may know `host`, the usual one first.
std::vector<std::string> ServersOf(absl::string_view host) {
  if (host == oci::kDefaultDomain) return {kDockerHubServer, oci::kDefaultDomain};
  return {std::string(host)};
}

// The key as the readers of that file look for it: docker has a name of its own for its registry.
std::string Spelled(const std::string& normal, absl::string_view path) {
  const bool dockers = path == "config.json" || absl::EndsWith(path, "/config.json");
  return dockers && normal == oci::kDefaultDomain ? kDockerHubServer : normal;
}

absl::StatusOr<Credentials> AskHelper(absl::string_view name, absl::string_view host) {
  ASSIGN_OR_RETURN(const CredentialHelper helper, CredentialHelper::Named(name));
  absl::StatusOr<Credentials> found;
  for (const std::string& server : ServersOf(host)) {
    found = helper.Get(server);
    if (!absl::IsNotFound(found.status())) break;
  }
  return found;
}

bool ProgramMissing(absl::string_view helper) {
  const auto named = CredentialHelper::Named(helper);
  return named.ok() && !named->installed();
}

absl::StatusOr<AuthFile> ReadAuthFile(const AuthFilePath& file) {
  const auto text = os::ReadFileAt(AT_FDCWD, file.path, kMaxAuthFile);
  RETURN_IF_ERROR(text.status());
  ASSIGN_OR_RETURN(AuthFile parsed, AuthFile::Parse(*text, file.legacy), file.path);
  return parsed;
}

std::string Variable(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

// The file behind symbolic links, so that a link to a shared configuration stays one.
std::string Behind(const std::string& path) {
  char* real = realpath(path.c_str(), nullptr);
  if (real == nullptr) return path;
  std::string result = real;
  free(real);
  return result;
}

absl::StatusOr<os::UniqueFd> LockDirectory(const std::string& directory) {
  ASSIGN_OR_RETURN(os::UniqueFd fd, os::OpenAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    // A file system without locks: then the last writer wins, as with every other tool.
    if (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS) break;
    return ErrnoStatus(errno, absl::StrCat("lock ", directory));
  }
  return fd;
}

}  // namespace

absl::Status ChangeAuthFile(const std::string& path,
                            absl::FunctionRef<absl::StatusOr<bool>(AuthFile&)> change) {
  const std::string real = Behind(path);
  const size_t slash = real.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : real.substr(0, slash + 1);
  RETURN_IF_ERROR(os::MakeDirectories(directory, 0700));
  ASSIGN_OR_RETURN(const os::UniqueFd lock, LockDirectory(directory));
  AuthFile file;
  auto read = ReadAuthFile({real, /*legacy=*/false});
  if (read.ok()) {
    file = *std::move(read);
  } else if (!absl::IsNotFound(read.status())) {
    return read.status();
  }
  ASSIGN_OR_RETURN(const bool changed, change(file), path);
  if (!changed) return absl::OkStatus();
  return os::ReplaceFileAt(AT_FDCWD, real, file.Dump(), os::Durability::kDurable, 0600);
}

CredentialStore::CredentialStore(const UserPaths& paths, absl::string_view chosen) {
  primary_ = std::string(chosen);
  if (primary_.empty()) primary_ = Variable("REGISTRY_AUTH_FILE");
  must_exist_ = !primary_.empty();
  if (!must_exist_ && !paths.docker_config.empty()) {
    primary_ = absl::StrCat(paths.docker_config, "/config.json");
  }
  if (!primary_.empty()) {
    files_.push_back({primary_});
    return;
  }
  const std::string in_config =
      paths.config_home.empty() ? "" : absl::StrCat(paths.config_home, "/containers/auth.json");
  if (!paths.runtime_dir.empty()) {
    primary_ = absl::StrCat(paths.runtime_dir, "/containers/auth.json");
  } else if (!paths.rootless) {
    primary_ = "/run/containers/0/auth.json";
  } else {
    primary_ = in_config;  // a user without a runtime directory can't make one in /run
  }
  if (!primary_.empty()) files_.push_back({primary_});
  if (!in_config.empty() && in_config != primary_) files_.push_back({in_config});
  if (paths.home.empty()) return;
  files_.push_back({absl::StrCat(paths.home, "/.docker/config.json")});
  files_.push_back({absl::StrCat(paths.home, "/.dockercfg"), /*legacy=*/true});
}

absl::StatusOr<Credentials> CredentialStore::AskHelpers(const AuthFile& file, absl::string_view host) {
  const std::string named = file.HelperFor(host);
  if (!named.empty()) {
    auto found = AskHelper(named, host);
    // It has nothing: whoever is not logged in may still pull what is public.
    if (absl::IsNotFound(found.status()) && !ProgramMissing(named)) return Credentials();
    return found;
  }
  const std::string store = file.Store();
  if (store.empty()) return Credentials();
  auto found = AskHelper(store, host);
  if (found.ok()) return found;
  // Many configurations name a store that is not there on this machine, or not without a desktop.
  if (!absl::IsNotFound(found.status()) || ProgramMissing(store)) {
    warnings_.push_back(absl::StrCat(StatusLine(found.status()), ", ignoring"));
  }
  return Credentials();
}

absl::StatusOr<Credentials> CredentialStore::FindIn(const AuthFile& file,
                                                    absl::Span<const std::string> keys) {
  const std::string host = HostOfAuthKey(keys.back());
  const bool has_host = keys.back() == host;
  if (has_host && !file.HelperFor(host).empty()) return AskHelpers(file, host);
  for (const std::string& key : keys) {
    ASSIGN_OR_RETURN(std::optional<Credentials> found, file.Get(key));
    if (found.has_value()) return *std::move(found);
  }
  return has_host ? AskHelpers(file, host) : Credentials();
}

absl::StatusOr<Credentials> CredentialStore::FindAny(absl::Span<const std::string> keys) {
  for (const AuthFilePath& path : files_) {
    const auto file = ReadAuthFile(path);
    if (file.ok()) {
      auto found = FindIn(*file, keys);
      if (!found.ok()) return Annotate(found.status(), path.path);
      if (!found->empty()) return found;
      continue;
    }
    const bool missing = ErrnoOf(file.status()) == ENOENT || ErrnoOf(file.status()) == ENOTDIR;
    if (missing && !must_exist_) continue;
    if (path.path == primary_) return file.status();
    // Another program's: what it can't say does not stop us.
    warnings_.push_back(absl::StrCat(StatusLine(file.status()), ", ignoring"));
  }
  return Credentials();
}

absl::StatusOr<Credentials> CredentialStore::Find(absl::string_view name) {
  return FindAny(AuthKeysFor(NormalAuthKey(name)));
}

absl::StatusOr<Credentials> CredentialStore::FindExactly(absl::string_view key) {
  return FindAny({NormalAuthKey(key)});
}

absl::StatusOr<std::string> CredentialStore::HelperToWrite(absl::string_view host) {
  for (const AuthFilePath& file : files_) {
    const auto auths = ReadAuthFile(file);
    if (!auths.ok()) {
      if (file.path == primary_ && !absl::IsNotFound(auths.status())) return auths.status();
      continue;
    }
    if (const std::string helper = auths->HelperFor(host); !helper.empty()) return helper;
    // See AskHelpers: the general store of another program's file may well not be there.
    const std::string store = auths->Store();
    if (!store.empty() && (file.path == primary_ || !ProgramMissing(store))) return store;
  }
  return "";
}

absl::StatusOr<std::string> CredentialStore::Save(absl::string_view key, const Credentials& credentials) {
  const std::string normal = NormalAuthKey(key);
  const std::string host = HostOfAuthKey(normal);
  if (primary_.empty()) return absl::FailedPreconditionError("no place for credentials: use --authfile");
  // Helpers know registries, not parts of them.
  std::string helper;
  if (normal == host) {
    ASSIGN_OR_RETURN(helper, HelperToWrite(host));
  }
  if (helper.empty()) {
    const auto set = [&](AuthFile& file) -> absl::StatusOr<bool> {
      RETURN_IF_ERROR(file.Set(Spelled(normal, primary_), credentials));
      return true;
    };
    RETURN_IF_ERROR(ChangeAuthFile(primary_, set));
    return primary_;
  }
  ASSIGN_OR_RETURN(const CredentialHelper named, CredentialHelper::Named(helper));
  RETURN_IF_ERROR(named.Store(ServersOf(host)[0], credentials));
  // What the file had is outdated now; and docker lists only registries that its file names.
  RETURN_IF_ERROR(ChangeAuthFile(primary_, [&](AuthFile& file) -> absl::StatusOr<bool> {
    if (file.HelperFor(host).empty() && file.Store().empty()) return file.Remove(normal);
    file.SetPlaceholder(Spelled(normal, primary_));
    return true;
  }));
  return named.program();
}

absl::StatusOr<bool> CredentialStore::Remove(absl::string_view key) {
  const std::string normal = NormalAuthKey(key);
  const std::string host = HostOfAuthKey(normal);
  if (primary_.empty()) return false;
  bool removed = false;
  if (normal == host) {
    ASSIGN_OR_RETURN(const std::string helper, HelperToWrite(host));
    if (!helper.empty()) {
      ASSIGN_OR_RETURN(const CredentialHelper named, CredentialHelper::Named(helper));
      for (const std::string& server : ServersOf(host)) {
        const auto found = named.Get(server);
        if (absl::IsNotFound(found.status()) && named.installed()) continue;
        RETURN_IF_ERROR(found.status());
        RETURN_IF_ERROR(named.Erase(server));
        removed = true;
      }
    }
  }
  if (!os::ExistsAt(AT_FDCWD, primary_)) return removed;
  RETURN_IF_ERROR(ChangeAuthFile(primary_, [&](AuthFile& file) -> absl::StatusOr<bool> {
    const bool had = file.Remove(normal);
    removed = removed || had;
    return had;
  }));
  return removed;
}

absl::Status CredentialStore::RemoveAll() {
  if (primary_.empty() || !os::ExistsAt(AT_FDCWD, primary_)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const AuthFile file, ReadAuthFile({primary_}));
  for (const auto& [host, helper] : file.Helpers()) {
    ASSIGN_OR_RETURN(const CredentialHelper named, CredentialHelper::Named(helper));
    for (const std::string& server : ServersOf(NormalAuthKey(host))) {
      if (named.Get(server).ok()) RETURN_IF_ERROR(named.Erase(server));
    }
  }
  if (!file.Store().empty()) {
    ASSIGN_OR_RETURN(const CredentialHelper store, CredentialHelper::Named(file.Store()));
    ASSIGN_OR_RETURN(const std::vector<std::string> servers, store.List());
    for (const std::string& server : servers) RETURN_IF_ERROR(store.Erase(server));
  }
  return ChangeAuthFile(primary_, [](AuthFile& auths) -> absl::StatusOr<bool> { return auths.RemoveAll(); });
}

std::vector<std::string> CredentialStore::TakeWarnings() { return std::exchange(warnings_, {}); }

}  // namespace coracle::registry

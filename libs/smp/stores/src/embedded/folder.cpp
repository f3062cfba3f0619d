#include "folder.hpp"

#include <fmt/format.h>

#include <charconv>

namespace simplex::smp::stores::embedded {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view title = "simplex-cpp queue store ";
constexpr std::string_view new_mark = " new";
constexpr unsigned version = 1;
constexpr unsigned private_folder = 0700;

Result<> write_format(const fs::path& path, bool is_new) {
  const auto line = fmt::format("{}{}{}\n", title, version, is_new ? new_mark : "");
  return server_kit::replace_file(path / "format", as_bytes(line), server_kit::private_file);
}

Result<bool> has_nothing(const fs::path& path) {
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    const auto name = at->path().filename().string();
    // What is left of a format file that was being written when the process died is ours.
    if (name != "lost+found" && !name.starts_with("format.")) return false;
  }
  if (error) return fail(ErrorKind::storage, "cannot read " + path.string() + ": " + error.message(), Advice::ask_user);
  return true;
}

}  // namespace

Result<Folder> Folder::open(fs::path path) {
  SIMPLEX_TRY(server_kit::create_directories(path, private_folder));
  SIMPLEX_ASSIGN(auto lock, server_kit::DirectoryLock::take(path));
  std::error_code error;
  if (!fs::exists(path / "format", error)) {
    SIMPLEX_ASSIGN(const bool empty, has_nothing(path));
    if (!empty) {
      return fail(
          ErrorKind::conflict,
          fmt::format("{} has files that are not of a queue store: give the store a folder of its own", path.string()),
          Advice::ask_user);
    }
    SIMPLEX_TRY(write_format(path, true));
    return Folder(std::move(path), std::move(lock), true);
  }
  SIMPLEX_ASSIGN(const auto octets, server_kit::read_file(path / "format"));
  auto text = as_text(octets);
  if (text.ends_with('\n')) text.remove_suffix(1);
  unsigned found = 0;
  if (text.starts_with(title)) {
    text.remove_prefix(title.size());
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), found);
    text.remove_prefix(problem == std::errc() ? static_cast<std::size_t>(end - text.data()) : 0);
  }
  if (found > version) {
    return fail(
        ErrorKind::version,
        fmt::format("the queue store in {} is of a newer version: run that version of the program", path.string()),
        Advice::ask_user);
  }
  if (found == 0 || (!text.empty() && text != new_mark)) {
    return fail(ErrorKind::conflict,
                fmt::format("{} does not say that {} is a queue store: restore the folder from a backup, or give the "
                            "store another one",
                            (path / "format").string(), path.string()),
                Advice::ask_user);
  }
  return Folder(std::move(path), std::move(lock), text == new_mark);
}

Result<> Folder::made() {
  if (!is_new_) return {};
  SIMPLEX_TRY(write_format(path_, false));
  is_new_ = false;
  return {};
}

}  // namespace simplex::smp::stores::embedded

#include "simplex/smp/stores/renames.hpp"

#include <fmt/format.h>

#include "simplex/server_kit/files.hpp"
#include "simplex/server_kit/sync_directory.hpp"

namespace simplex::smp::stores {
namespace {

namespace fs = std::filesystem;

Result<> carry_out(const fs::path& folder, const std::vector<Rename>& renames) {
  for (const auto& [from, to] : renames) {
    std::error_code error;
    if (!fs::exists(folder / from, error)) continue;
    if (fs::exists(folder / to, error)) {
      return fail(ErrorKind::conflict,
                  fmt::format("{} is to be renamed to {}, but that exists: move one of them away, then start again",
                              (folder / from).string(), to),
                  Advice::ask_user);
    }
    fs::rename(folder / from, folder / to, error);
    if (error) {
      return fail(ErrorKind::storage,
                  fmt::format("cannot rename {} to {}: {}", (folder / from).string(), to, error.message()),
                  Advice::ask_user);
    }
  }
  SIMPLEX_TRY(server_kit::sync_directory(folder));
  std::error_code error;
  fs::remove(folder / renames_file, error);
  return server_kit::sync_directory(folder);
}

}  // namespace

Result<> rename_all(const fs::path& folder, const std::vector<Rename>& renames) {
  std::string text;
  for (const auto& [from, to] : renames) text += fmt::format("{}\t{}\n", from, to);
  // Half of it would be taken for all of it: it appears whole, and ends with a line that says so.
  text += "end\n";
  SIMPLEX_TRY(server_kit::replace_file(folder / renames_file, as_bytes(text), server_kit::private_file));
  return carry_out(folder, renames);
}

Result<> finish_renames(const fs::path& folder) {
  const auto file = folder / renames_file;
  const auto text = server_kit::read_file(file);
  if (!text && text.error().kind == ErrorKind::not_found) return {};
  if (!text) return std::unexpected(text.error());
  std::vector<Rename> renames;
  bool whole = false;
  for (auto rest = as_text(*text); !rest.empty();) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (line == "end") whole = true;
    const auto tab = line.find('\t');
    if (tab == std::string_view::npos) continue;
    renames.push_back({std::string(line.substr(0, tab)), std::string(line.substr(tab + 1))});
  }
  if (!whole) {
    return fail(ErrorKind::malformed, file.string() + " is damaged: it says how to finish a change of stores",
                Advice::ask_user);
  }
  return carry_out(folder, renames);
}

}  // namespace simplex::smp::stores

#include "durable_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "simplex/store/small_file.hpp"

namespace simplex::store {
namespace {

constexpr std::size_t small = 64 * 1024;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

Result<> sync(const std::filesystem::path& path, int flags) {
  const Descriptor file(::open(path.c_str(), flags | O_CLOEXEC));
  if (file.get() < 0 || ::fsync(file.get()) != 0) return file_failure("written", path, errno);
  return {};
}

Result<> write_all(int file, BytesView octets, const std::filesystem::path& path) {
  while (!octets.empty()) {
    const auto written = ::write(file, octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_failure("written", path, errno);
    octets = octets.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

std::unexpected<Error> file_failure(std::string_view doing, const std::filesystem::path& path, int number) {
  if (number == ENOSPC || number == EDQUOT) {
    return fail(
        ErrorKind::storage,
        fmt::format("The disk is full: {} could not be {}. Free some space and try again.", path.string(), doing),
        Advice::ask_user);
  }
  return fail(number == ENOENT ? ErrorKind::not_found : ErrorKind::storage,
              fmt::format("{} could not be {}: {}.", path.string(), doing, std::generic_category().message(number)),
              Advice::ask_user);
}

Result<> create_private(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) return file_failure("made", path, errno);
  return {};
}

Result<> sync_file(const std::filesystem::path& path) { return sync(path, O_RDONLY); }

Result<> sync_folder_of(const std::filesystem::path& path) {
  const auto folder = path.parent_path();
  return sync(folder.empty() ? std::filesystem::path(".") : folder, O_RDONLY | O_DIRECTORY);
}

Result<> rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return file_failure("written", to, errno);
  return sync_folder_of(to);
}

Result<> replace_small_file(const std::filesystem::path& path, BytesView octets) {
  const std::filesystem::path part = path.string() + ".part";
  {
    const Descriptor file(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (file.get() < 0) return file_failure("written", part, errno);
    SIMPLEX_TRY(write_all(file.get(), octets, part));
    if (::fsync(file.get()) != 0) return file_failure("written", part, errno);
  }
  return rename_durably(part, path);
}

Result<std::optional<Bytes>> read_small_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 && errno == ENOENT) return std::nullopt;
  if (file.get() < 0) return file_failure("read", path, errno);
  Bytes octets(small);
  const auto size = ::read(file.get(), octets.data(), octets.size());
  if (size < 0) return file_failure("read", path, errno);
  octets.resize(static_cast<std::size_t>(size));
  return octets;
}

}  // namespace simplex::store

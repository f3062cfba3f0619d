#include "simplex/server_kit/files.hpp"

#include "simplex/server_kit/sync_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace simplex::server_kit {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> system_error(std::string_view what, const fs::path& file, int number) {
  const auto reason = std::system_category().message(number);
  const auto kind = number == ENOENT   ? ErrorKind::not_found
                    : number == EEXIST ? ErrorKind::conflict
                                       : ErrorKind::storage;
  const auto hint = number == EACCES || number == EPERM ? "; run as the user that owns the directory" : "";
  return fail(kind, fmt::format("cannot {} {}: {}{}", what, file.string(), reason, hint),
              number == ENOSPC ? Advice::retry : Advice::ask_user);
}

// How much was written before the error, 0 = no error.
struct Written {
  std::size_t count = 0;
  int error = 0;
};

Written write_all(int descriptor, BytesView octets) {
  Written done;
  while (done.count < octets.size()) {
    const auto rest = octets.subspan(done.count);
    const auto count = ::write(descriptor, rest.data(), rest.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      done.error = errno;
      return done;
    }
    done.count += static_cast<std::size_t>(count);
  }
  return done;
}

void sync_directory_of(const fs::path& file) {
  (void)sync_directory(file.has_parent_path() ? file.parent_path() : fs::path("."));
}

}  // namespace

Result<Bytes> read_file(const fs::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return system_error("read", file, errno);
  Bytes content;
  constexpr std::size_t piece = 1 << 16;
  while (true) {
    const auto size = content.size();
    content.resize(size + piece);
    const auto count = ::read(descriptor, content.data() + size, piece);
    if (count < 0 && errno == EINTR) {
      content.resize(size);
      continue;
    }
    content.resize(size + static_cast<std::size_t>(count < 0 ? 0 : count));
    if (count > 0) continue;
    const int error = errno;
    ::close(descriptor);
    if (count < 0) return system_error("read", file, error);
    return content;
  }
}

Result<> create_file(const fs::path& file, BytesView content, unsigned mode) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (descriptor < 0) return system_error("create", file, errno);
  auto error = write_all(descriptor, content).error;
  if (error == 0 && ::fsync(descriptor) != 0) error = errno;
  ::close(descriptor);
  if (error != 0) {
    ::unlink(file.c_str());
    return system_error("write", file, error);
  }
  return {};
}

Result<> replace_file(const fs::path& file, BytesView content, unsigned mode) {
  SIMPLEX_ASSIGN(auto replacement, FileReplacement::begin(file, mode));
  SIMPLEX_TRY(replacement.write(content));
  return replacement.commit();
}

Result<FileReplacement> FileReplacement::begin(fs::path file, unsigned mode) {
  auto temporary = file;
  temporary += ".new";
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (descriptor < 0) return system_error("create", temporary, errno);
  return FileReplacement(std::move(file), std::move(temporary), descriptor);
}

FileReplacement::FileReplacement(FileReplacement&& other) noexcept
    : file_(std::move(other.file_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      buffer_(std::move(other.buffer_)) {}

FileReplacement::~FileReplacement() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

Result<> FileReplacement::flush() {
  const auto written = write_all(descriptor_, buffer_);
  if (written.error != 0) return system_error("write", temporary_, written.error);
  buffer_.clear();
  return {};
}

Result<> FileReplacement::write(BytesView octets) {
  append(buffer_, octets);
  if (buffer_.size() >= (1 << 18)) return flush();
  return {};
}

Result<> FileReplacement::commit() {
  SIMPLEX_TRY(flush());
  if (::fsync(descriptor_) != 0) return system_error("write", temporary_, errno);
  ::close(std::exchange(descriptor_, -1));
  if (::rename(temporary_.c_str(), file_.c_str()) != 0) return system_error("replace", file_, errno);
  sync_directory_of(file_);
  return {};
}

Result<AppendFile> AppendFile::open(const fs::path& file, unsigned mode) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode);
  if (descriptor < 0) return system_error("open", file, errno);
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) {
    const int error = errno;
    ::close(descriptor);
    return system_error("read", file, error);
  }
  AppendFile made(file, descriptor);
  made.size_ = static_cast<std::uint64_t>(status.st_size);
  return made;
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : file_(std::move(other.file_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      damaged_(other.damaged_),
      size_(other.size_) {}

AppendFile::~AppendFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<> AppendFile::append(BytesView octets) {
  if (damaged_) {
    if (::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0) return system_error("write", file_, errno);
    damaged_ = false;
  }
  const auto written = write_all(descriptor_, octets);
  if (written.error == 0) {
    size_ += written.count;
    return {};
  }
  // /dev/full and the like are not files to be cut; then there is nothing in them either.
  if (written.count > 0 && ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0) damaged_ = true;
  return system_error("write", file_, written.error);
}

Result<> AppendFile::sync() {
  if (::fdatasync(descriptor_) != 0) return system_error("write", file_, errno);
  return {};
}

Result<DirectoryLock> DirectoryLock::take(const fs::path& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return system_error("open", directory, errno);
  DirectoryLock made(descriptor);
  // Some file systems over a network have no such locks: then nothing can be said.
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return fail(
        ErrorKind::conflict,
        fmt::format("{} is in use by another process: stop that one, or use another folder", directory.string()),
        Advice::ask_user);
  }
  return made;
}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<> sync_directory(const fs::path& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return system_error("open", directory, errno);
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  // Some file systems have no such thing.
  if (error != 0 && error != EINVAL) return system_error("write", directory, error);
  return {};
}

Result<> create_directories(const fs::path& directory, unsigned mode) {
  std::error_code error;
  if (fs::is_directory(directory, error)) return {};
  if (directory.has_parent_path() && directory.parent_path() != directory) {
    SIMPLEX_TRY(create_directories(directory.parent_path(), 0755));
  }
  if (::mkdir(directory.c_str(), mode) != 0 && errno != EEXIST) {
    return system_error("create directory", directory, errno);
  }
  if (!fs::is_directory(directory, error)) return system_error("create directory", directory, ENOTDIR);
  return {};
}

}  // namespace simplex::server_kit

#include "qr_code.hpp"

#include <qrcodegen.hpp>

namespace simplex::smp_server {

std::vector<std::string> qr_code(const std::string& text) {
  std::vector<std::string> lines;
  try {
    const auto code = qrcodegen::QrCode::encodeText(text.c_str(), qrcodegen::QrCode::Ecc::LOW);
    constexpr int margin = 2;
    // Light on dark is how terminals are; readers want dark on light, so that light squares are drawn.
    const auto light = [&](int x, int y) { return y < code.getSize() + margin && !code.getModule(x, y); };
    for (int y = -margin; y < code.getSize() + margin; y += 2) {
      std::string line;
      for (int x = -margin; x < code.getSize() + margin; ++x) {
        const bool upper = light(x, y);
        const bool lower = light(x, y + 1);
        line += upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ";
      }
      lines.push_back(std::move(line));
    }
  } catch (const qrcodegen::data_too_long&) {
    lines.clear();
  }
  return lines;
}

}  // namespace simplex::smp_server

// Any bytes give a tree whose parts are all there, or a FormatError.
#include <glia/io/torch_format.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const glia::io::ByteSource source(glia::io::Bytes(data, size));
    const glia::io::PickleTree tree = glia::io::read_pickle(source);
    if (tree.end > size || tree.root >= tree.values.size()) std::abort();
    for (const auto& value : tree.values)
      for (const auto item : value.items)
        if (item >= tree.values.size()) std::abort();
    for (const auto& tensor : tree.tensors)
      if (tensor.storage >= tree.storages.size() || tensor.shape.rank() != tensor.strides.rank()) std::abort();
    glia::io::TorchContents contents;
    glia::io::detail::TorchLister(source, tree).list(contents);
  } catch (const glia::FormatError&) {
  }
  return 0;
}

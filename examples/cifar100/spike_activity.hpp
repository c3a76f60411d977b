#pragma once
// What the neurons of a trained network do.

#include <cstdint>
#include <string>

namespace cifar100 {

// A table, layer by layer, of the first `images` test images (1 to 500) through the network of a checkpoint: firing
// rates, neurons that never or always fire, operations and their energy (glia::spiking::activity_report).
// std::invalid_argument for another number of images; glia::Error as load_trained.
std::string spike_activity(const std::string& checkpoint, const std::string& data, std::int64_t images);

}  // namespace cifar100

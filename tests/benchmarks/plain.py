"""The loop as it is written by hand: `requires_grad` decides what trains, and all of it runs."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from tests.benchmarks.start import Start


def fine_tune(start: Start) -> nn.Module:
    """The exercise's loop: gradual unfreezing with a learning rate per layer group."""
    model, groups = start.model, start.groups
    train_loader, validation_loader = start.loaders
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(
        [{"params": start.parameters(name), "lr": 1.0, "name": name} for name in groups]
    )
    scheduler = LambdaLR(optimizer, [start.rates[name].__getitem__ for name in groups])
    trainable: set[str] = set()

    for epoch in range(start.epochs):
        trainable.update(start.thaws.get(epoch, ()))
        model.train()
        for name, layers in groups.items():
            for layer in layers:
                layer.requires_grad_(name in trainable)
                if name not in trainable and isinstance(layer, nn.Module):
                    layer.eval()
                if name in start.still and isinstance(layer, nn.Module):
                    for module in layer.modules():
                        if isinstance(module, nn.BatchNorm2d):
                            module.eval()

        running_loss, correct, seen = 0.0, 0, 0
        for images, labels in train_loader:
            optimizer.zero_grad()
            outputs = model(images)
            loss = loss_function(outputs, labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
            running_loss += loss.item() * len(labels)
            correct += (outputs.argmax(1) == labels).sum().item()
            seen += len(labels)

        model.eval()
        validation_loss, validation_correct, validated = 0.0, 0, 0
        with torch.no_grad():
            for images, labels in validation_loader:
                outputs = model(images)
                validation_loss += loss_function(outputs, labels).item() * len(labels)
                validation_correct += (outputs.argmax(1) == labels).sum().item()
                validated += len(labels)
        print(
            f"epoch {epoch}: loss {running_loss / seen:.4f}, accuracy {correct / seen:.3f}, "
            f"validation {validation_loss / validated:.4f}, {validation_correct / validated:.3f}"
        )
    return model

"""FlashAttention in JupyterLab: the extension, and the notebook kernel, which is a Node program."""

__version__ = "0.1.0"

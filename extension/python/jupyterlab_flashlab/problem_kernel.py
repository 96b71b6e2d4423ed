"""Stands in for the kernel where that cannot start: a dead kernel would not say why."""

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

from . import __version__


def explain(problem, connection_file):
    """Answers every cell with the problem."""

    class ProblemKernel(Kernel):
        implementation = "flashlab"
        implementation_version = __version__
        language_info = {"name": "typescript", "mimetype": "text/typescript", "file_extension": ".ts"}
        banner = problem

        async def do_execute(self, code, silent, *_, **__):
            error = {"ename": "KernelProblem", "evalue": problem, "traceback": ["The kernel cannot start.", *problem.split("\n")]}
            if not silent:
                self.send_response(self.iopub_socket, "error", error)
            return {"status": "error", "execution_count": self.execution_count, **error}

    IPKernelApp.launch_instance(argv=["-f", connection_file], kernel_class=ProblemKernel)

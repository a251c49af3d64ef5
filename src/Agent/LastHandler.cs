using System.Net.Sockets;

namespace EnvPlatform.Agent;

/// <summary>
/// What no other handler sees: exceptions of other threads, and of tasks that nobody waited for. One line on standard error, and the
/// process ends with <see cref="ExitCodes.CouldNot"/>, never by a signal.
/// </summary>
internal sealed class LastHandler(TextWriter error, Action<int> end)
{
    private volatile bool _hasFailed;

    /// <summary>True from when the handler is in force in this process.</summary>
    public static bool IsInstalled { get; private set; }

    public static LastHandler Install(TextWriter error)
    {
        var handler = new LastHandler(error, Environment.Exit);
        AppDomain.CurrentDomain.UnhandledException += (_, failed) => handler.OfThread(failed.ExceptionObject);
        TaskScheduler.UnobservedTaskException += (_, failed) =>
        {
            failed.SetObserved();
            handler.OfTask(failed.Exception);
        };
        IsInstalled = true;
        return handler;
    }

    /// <summary>The runtime would abort the process, whatever else is under way.</summary>
    public void OfThread(object failure)
    {
        Say(failure as Exception);
        end(ExitCodes.CouldNot);
    }

    /// <summary>
    /// What else is under way goes on, and success is no longer believed. A connection that was given up is no failure of the command,
    /// which has waited for another.
    /// </summary>
    public void OfTask(AggregateException failure)
    {
        if (failure.Flatten().InnerExceptions.All(inner =>
            inner is OperationCanceledException or HttpRequestException or SocketException or IOException or ObjectDisposedException))
        {
            return;
        }

        _hasFailed = true;
        Say(failure);
    }

    /// <summary>The exit code of a command, unless it is success and something failed unseen.</summary>
    public int ExitCodeOf(int exitCode) => exitCode == ExitCodes.Fine && _hasFailed ? ExitCodes.CouldNot : exitCode;

    private void Say(Exception? failure)
    {
        try
        {
            error.WriteLine("envplatform: " + (failure is null ? "unexpected failure." : CommandLine.OneLine(failure)));
        }
        catch (IOException)
        {
            // There is nobody left to tell.
        }
    }
}

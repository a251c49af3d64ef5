namespace EnvPlatform.LocalServers;

/// <summary>A server cannot be run on this machine; the message tells the user what is wrong and what to do.</summary>
public sealed class LocalServerException : Exception
{
    public LocalServerException()
    {
    }

    public LocalServerException(string message) : base(message)
    {
    }

    public LocalServerException(string message, Exception inner) : base(message, inner)
    {
    }
}

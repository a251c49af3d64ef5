namespace Aspire.Hosting;

public sealed class DistributedApplicationOptions
{
    public string[]? Args { get; set; }
    public string? AssemblyName { get; set; }
    public string? ProjectDirectory { get; set; }
    public bool DisableDashboard { get; set; }

    /// <summary>Whether fixed ports give way to free ones, as the testing package has it.</summary>
    internal bool RandomizePorts { get; set; }

    /// <summary>Whether the data folder goes with the application although it was named.</summary>
    internal bool TemporaryData { get; set; }
}

public class DistributedApplicationException : Exception
{
    public DistributedApplicationException()
    {
    }

    public DistributedApplicationException(string message) : base(message)
    {
    }

    public DistributedApplicationException(string message, Exception inner) : base(message, inner)
    {
    }
}

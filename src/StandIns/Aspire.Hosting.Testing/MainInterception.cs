using System.Reflection;
using System.Security.Cryptography;
using Aspire.Hosting.Processes;
using Microsoft.Extensions.Configuration;

namespace Aspire.Hosting.Testing;

/// <summary>Runs a Main until it builds its application, and ends it there.</summary>
internal sealed class MainInterception(string[] args) : BuilderInterception
{
    private readonly TaskCompletionSource<DistributedApplicationBuilder> found = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static Task<DistributedApplicationBuilder> RunAsync(MethodInfo main, string[] args, CancellationToken ct)
    {
        var interception = new MainInterception(args);
        new Thread(() => interception.Invoke(main)) { IsBackground = true, Name = "Main of " + main.Module.Name }.Start();
        return interception.found.Task.WaitAsync(ct);
    }

    public static void Isolate(DistributedApplicationOptions options)
    {
        var configuration = new ConfigurationBuilder().AddCommandLine(options.Args ?? []).Build();
        options.RandomizePorts = configuration.GetValue("DcpPublisher:RandomizePorts", true);
        if (configuration[DataFolder.ConfigurationKey] is not null)
            return;

        options.TemporaryData = true;
        var folder = Path.Combine(Path.GetTempPath(), DataFolder.TemporaryPrefix + RandomNumberGenerator.GetHexString(8, lowercase: true));
        options.Args = [.. options.Args ?? [], $"--{DataFolder.ConfigurationKey}", folder];
    }

    public override void Creating(DistributedApplicationOptions options)
    {
        options.Args = [.. options.Args ?? [], .. args.Except(options.Args ?? [])];
        Isolate(options);
    }

    public override void Building(DistributedApplicationBuilder builder)
    {
        found.TrySetResult(builder);
        throw new MainEnded();
    }

    private void Invoke(MethodInfo main)
    {
        Current = this;
        try
        {
            object?[] parameters = main.GetParameters().Length == 0 ? [] : [args];
            main.Invoke(null, BindingFlags.DoNotWrapExceptions, null, parameters, null);
            found.TrySetException(new InvalidOperationException("Main ended without building an application."));
        }
        catch (MainEnded)
        {
            // As intended.
        }
        catch (Exception e)
        {
            // Whatever Main throws is the test's to see.
            found.TrySetException(e);
        }
    }

    private sealed class MainEnded() : Exception("The application is built by the test.");
}

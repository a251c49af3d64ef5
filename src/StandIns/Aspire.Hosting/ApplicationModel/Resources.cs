using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Aspire.Hosting.Processes;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A .NET project, started from its build output.</summary>
public class ProjectResource(string name)
    : Resource(name), IResourceWithEnvironment, IResourceWithArgs, IResourceWithServiceDiscovery, IResourceWithWaitSupport;

/// <summary>A program of the machine.</summary>
public class ExecutableResource(string name, string command, string workingDirectory)
    : Resource(name), IResourceWithEnvironment, IResourceWithArgs, IResourceWithEndpoints, IResourceWithWaitSupport
{
    public string Command { get; } = command;
    public string WorkingDirectory { get; } = workingDirectory;
}

/// <summary>A server; the machine's own program takes the place of the container.</summary>
public class ContainerResource(string name, string? entrypoint = null)
    : Resource(name), IResourceWithEnvironment, IResourceWithArgs, IResourceWithEndpoints, IResourceWithWaitSupport
{
    public string? Entrypoint { get; set; } = entrypoint;
}

public enum ContainerLifetime
{
    Session = 0,
    Persistent = 1,
}

/// <summary>A value from the configuration (Parameters:name) or, failing that, from its default.</summary>
public class ParameterResource(string name, Func<ParameterDefault?, string> callback, bool secret = false)
    : Resource(name), IValueProvider, IManifestExpressionProvider
{
    private readonly Lock gate = new();
    private string? value;

    public ParameterDefault? Default { get; set; }
    public bool Secret { get; } = secret;
    public string ValueExpression => $"{{{Name}.value}}";

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default)
    {
        lock (gate)
            return ValueTask.FromResult<string?>(value ??= callback(Default));
    }
}

public abstract class ParameterDefault
{
    public abstract string GetDefaultValue();
}

/// <summary>A random text of at least MinLength characters of the chosen classes.</summary>
public sealed class GenerateParameterDefault : ParameterDefault
{
    public int MinLength { get; set; }
    public bool Lower { get; set; } = true;
    public bool Upper { get; set; } = true;
    public bool Numeric { get; set; } = true;
    public bool Special { get; set; } = true;

    public override string GetDefaultValue()
    {
        var characters = (Lower ? "abcdefghjkmnpqrstuvwxyz" : "") + (Upper ? "ABCDEFGHJKMNPQRSTUVWXYZ" : "")
            + (Numeric ? "0123456789" : "") + (Special ? "-_.{}~()*+!" : "");
        return RandomNumberGenerator.GetString(characters, Math.Max(MinLength, 22));
    }
}

/// <summary>Another default, made once and kept with the data of the application.</summary>
internal sealed class KeptParameterDefault(string name, ParameterDefault inner) : ParameterDefault
{
    public DataFolder? Folder { get; set; }

    public override string GetDefaultValue() =>
        Folder?.Secret(name, inner.GetDefaultValue) ?? throw new InvalidOperationException($"The parameter '{name}' has no value before the start.");
}

internal sealed class ConstantParameterDefault(Func<string> value) : ParameterDefault
{
    public override string GetDefaultValue() => value();
}

internal static class ResourceExtensions
{
    public static bool TryGet<T>(this IResource resource, [NotNullWhen(true)] out T? annotation) where T : class, IResourceAnnotation
    {
        annotation = resource.Annotations.OfType<T>().LastOrDefault();
        return annotation is not null;
    }

    /// <summary>The resource whose process this one lives in: a database's server, otherwise itself.</summary>
    public static IResource Root(this IResource resource) =>
        resource is IResourceWithParent child ? child.Parent.Root() : resource;

    public static bool HasProcess(this IResource resource) => resource is ProjectResource or ExecutableResource || resource.TryGet<ServerAnnotation>(out _);
}

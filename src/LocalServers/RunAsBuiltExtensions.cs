using System.Runtime.InteropServices;

using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

namespace EnvPlatform.LocalServers;

/// <summary>Runs a project of the model as the program that was built, on ports of its own.</summary>
public static class RunAsBuiltExtensions
{
    /// <remarks>
    /// <c>dotnet run</c>, by which the orchestrator starts projects, keeps a process of 140 MB beside each and takes seconds. Endpoints
    /// have no proxy before them: a call is one hop. Those without a port get a free one.
    /// </remarks>
    /// <exception cref="LocalServerException">It was not built.</exception>
    public static IResourceBuilder<ProjectResource> RunAsBuilt(this IResourceBuilder<ProjectResource> project)
    {
        ArgumentNullException.ThrowIfNull(project);
        var source = project.Resource.GetProjectMetadata().ProjectPath;
        var name = Path.GetFileNameWithoutExtension(source);

        // artifacts/bin/PROJECT/CONFIGURATION; this program's own configuration is the one that was built.
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var program = Path.Combine(own.Parent!.Parent!.FullName, name, own.Name, "EnvPlatform." + name);
        if (!File.Exists(program))
        {
            throw new LocalServerException($"{program} is missing: build the solution first.");
        }

        foreach (var endpoint in project.Resource.Annotations.OfType<EndpointAnnotation>())
        {
            var port = endpoint.Port ?? FreePorts.Next();
            endpoint.Port = port;
            endpoint.TargetPort = port;
            endpoint.TargetHost = "127.0.0.1";
            endpoint.IsProxied = false;
        }

        return project
            .WithAnnotation(
                new ExecutableAnnotation { Command = program, WorkingDirectory = Path.GetDirectoryName(source)! },
                ResourceAnnotationMutationBehavior.Replace)
            .WithEnvironment("DOTNET_ROOT", Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..")));
    }
}

using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Processes;

/// <summary>Turns the model of a resource into the programs to start.</summary>
internal static class Launch
{
    public static async Task<IReadOnlyList<ProgramStart>> ProgramsAsync(
        IResource resource, int index, string id, DataFolder folder, string log, CancellationToken ct)
    {
        if (resource.TryGet<ServerAnnotation>(out var server))
            return await server.PrepareAsync(new ServerSetting(folder, id, log, resource.TryGet<DataVolumeAnnotation>(out _)), ct);

        var arguments = await ArgumentsAsync(resource, ct);
        var environment = await EnvironmentAsync(resource, index, id, ct);
        return resource switch
        {
            ExecutableResource executable =>
            [
                new ProgramStart(executable.Command, arguments)
                {
                    WorkingDirectory = executable.WorkingDirectory, Environment = environment, InheritEnvironment = true,
                },
            ],
            ProjectResource project => [Project(project, arguments, environment)],
            _ => throw new DistributedApplicationException($"'{resource.Name}' has nothing to start."),
        };
    }

    private static ProgramStart Project(ProjectResource project, IReadOnlyList<string> arguments, Dictionary<string, string> environment)
    {
        if (!project.TryGet<ProjectMetadataAnnotation>(out var found))
            throw new DistributedApplicationException($"'{project.Name}' has no project.");

        var path = found.Metadata.ProjectPath;
        var output = found.Metadata.GetType().GetCustomAttributes(typeof(ProjectOutputAttribute), inherit: false).Cast<ProjectOutputAttribute>().Single().Path;
        if (!File.Exists(output))
            throw new DistributedApplicationException($"{output} is missing; build {path} first.");

        return new ProgramStart(DotnetHost(), [output, .. arguments])
        {
            WorkingDirectory = Path.GetDirectoryName(path)!,
            Environment = environment,
            InheritEnvironment = true,
        };
    }

    private static string DotnetHost()
    {
        if (Environment.ProcessPath is { } own && Path.GetFileName(own) == "dotnet")
            return own;

        return Programs.Find("dotnet", "dotnet-sdk-10.0", Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } root ? [root] : []);
    }

    private static async Task<IReadOnlyList<string>> ArgumentsAsync(IResource resource, CancellationToken ct)
    {
        var context = new CommandLineArgsCallbackContext([], ct);
        foreach (var annotation in resource.Annotations.OfType<CommandLineArgsCallbackAnnotation>())
            await annotation.Callback(context);

        var arguments = new List<string>();
        foreach (var argument in context.Args)
            if (await TextAsync(argument, ct) is { } text)
                arguments.Add(text);
        return arguments;
    }

    private static async Task<Dictionary<string, string>> EnvironmentAsync(IResource resource, int index, string id, CancellationToken ct)
    {
        var context = new EnvironmentCallbackContext([], ct);
        var endpoints = resource.Annotations.OfType<EndpointAnnotation>().ToArray();
        if (resource is ProjectResource)
        {
            context.EnvironmentVariables["OTEL_SERVICE_NAME"] = resource.Name;
            context.EnvironmentVariables["OTEL_RESOURCE_ATTRIBUTES"] = $"service.instance.id={id}";
            var urls = endpoints.Where(e => e.UriScheme is "http" or "https" && e.TargetPortEnvironmentVariable is null).Select(e => e.UrlOf(index));
            context.EnvironmentVariables["ASPNETCORE_URLS"] = string.Join(';', urls);
        }

        foreach (var endpoint in endpoints.Where(e => e.TargetPortEnvironmentVariable is not null))
            context.EnvironmentVariables[endpoint.TargetPortEnvironmentVariable!] = endpoint.InstancePorts[index].ToString();
        foreach (var annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
            await annotation.Callback(context);

        var environment = new Dictionary<string, string>();
        foreach (var (name, value) in context.EnvironmentVariables)
            if (await TextAsync(value, ct) is { } text)
                environment[name] = text;
        return environment;
    }

    private static async ValueTask<string?> TextAsync(object value, CancellationToken ct) =>
        value is IValueProvider provider ? await provider.GetValueAsync(ct) : value.ToString();
}
